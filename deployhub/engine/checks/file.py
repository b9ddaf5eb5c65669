"""What the file itself says: its size, and whether its own description fits the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployhub.engine.checking import Check

if TYPE_CHECKING:
    from deployhub.engine.spec import CheckLine


class FileFacts(Check):
    key = "file"
    order = 4

    def lines(self) -> list[CheckLine]:
        bench = self.bench
        size = sum(path.stat().st_size for path in bench.artifact.rglob("*") if path.is_file())
        made = [bench.line("file", "Size", float(size), budget="size_bytes", unit="bytes")]
        described = bench.format.described(bench.artifact / bench.format.stable_name)
        names = described.get("class_names")
        if names is not None and bench.source.class_names is not None:
            same = list(names) == list(bench.source.class_names)
            detail = (
                ""
                if same
                else f"{', '.join(map(str, names[:5]))} in place of {', '.join(bench.source.class_names[:5])}"
            )
            made.append(bench.line("file", "Class names are the source's", None, holds=same, detail=detail))
        for fact, label, want in (
            ("stride", "Stride is the source's", bench.source.stride),
            ("task", "Task is the source's", bench.source.task),
        ):
            told = described.get(fact)
            if told is not None:
                made.append(
                    bench.line(
                        "file", label, None, holds=str(told) == str(want),
                        detail="" if str(told) == str(want) else f"{told} in place of {want}",
                    )
                )  # fmt: skip
        return made


CHECK = FileFacts
