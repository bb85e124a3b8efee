"""Runs one journey: python run_journey.py <dialect>/<journey>.py

A journey that hangs ends after ten minutes and shows where it hung. Modules beside the journey and in this folder
can be imported.
"""

import faulthandler
import pathlib
import runpy
import sys

DEADLINE_SECONDS = 600

if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    sys.argv = sys.argv[1:]
    sys.path.insert(0, str(pathlib.Path(sys.argv[0]).resolve().parent))
    runpy.run_path(sys.argv[0], run_name="__main__")
