"""The benchmark: this site beside a bare pass-through on the same machine, in the terms of DESIGN.md section 9."""
