"""`deployhub tls`: makes, renews and tells the certificates of a server that runs here."""

from __future__ import annotations

import json

from deployhub.certificates.authority import TlsFolder
from deployhub.certificates.reading import certificate_read


def test_a_second_init_changes_nothing_and_a_further_name_keeps_the_authority(run, tmp_path, config_home):
    home = ("--home", str(tmp_path))
    first = run("tls", "init", "--name", "hub.lan", *home)
    assert first.code == 0, first.err
    assert "update-ca-certificates" in first.out
    folder = TlsFolder(tmp_path)
    before = certificate_read(folder.server)
    assert before.names[0] == "hub.lan"

    again = run("tls", "init", "--name", "hub.lan", *home)
    assert again.code == 0
    assert "nothing was changed" in again.err
    assert certificate_read(folder.server) == before

    authority = certificate_read(folder.authority)
    assert run("tls", "init", "--name", "models.lan", *home).code == 0
    assert {"hub.lan", "models.lan"} <= set(certificate_read(folder.server).names)
    assert certificate_read(folder.authority) == authority


def test_a_public_name_needs_another_authority_and_says_so(run, tmp_path, config_home):
    home = ("--home", str(tmp_path))
    assert run("tls", "init", *home).code == 0
    refused = run("tls", "init", "--name", "hub.example.org", *home)
    assert refused.code == 1
    assert "--new-authority" in refused.err
    assert run("tls", "init", "--name", "hub.example.org", "--new-authority", *home).code == 0


def test_renew_and_show_tell_what_there_is(run, tmp_path, config_home):
    home = ("--home", str(tmp_path))
    missing = run("tls", "show", *home)
    assert missing.code == 1
    assert "deployhub tls init" in missing.err
    run("tls", "init", "--name", "hub.lan", *home)
    before = certificate_read(TlsFolder(tmp_path).server)
    assert run("tls", "renew", *home).code == 0
    told = json.loads(run("tls", "show", "--json", *home).out)
    assert told["server"]["names"][0] == "hub.lan"
    assert told["server"]["days_left"] in (89, 90)
    assert told["server"]["sha256"] != before.sha256


def test_what_is_no_name_is_refused(run, tmp_path, config_home):
    wrong = run("tls", "init", "--name", "no name", "--home", str(tmp_path))
    assert wrong.code == 2
    assert "no host name" in wrong.err
    assert run("tls", "init", "--days", "4000", "--home", str(tmp_path)).code == 2
