"""What an outside witness needs to check the audit log's seal: plain Python, no Django. `verifier.py` stands alone, in 50 lines."""
