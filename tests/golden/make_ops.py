"""Write tests/golden/ops.npz: the results of tests/ops_cases.py, by Keras's own NumPy backend.

Run with an interpreter that has Keras 3.15: KERAS_BACKEND=numpy python tests/golden/make_ops.py
A case of several results has them as CASE/0, CASE/1, ...; of one as CASE/.
"""

import copy
import sys
from pathlib import Path

import numpy as np
from keras import ops

sys.path.insert(0, str(Path(__file__).parents[1]))
from ops_cases import CASES

TARGET = Path(__file__).with_name("ops.npz")

if __name__ == "__main__":
    found = {}
    for name, (function, arguments, named) in CASES.items():
        with np.errstate(all="ignore"):
            try:
                # copies: slice_update and scatter_update of that backend write into their input
                made = getattr(ops, function)(*copy.deepcopy(arguments), **copy.deepcopy(named))
            except Exception as error:
                print("not in the golden file:", name, repr(error)[:200])
                continue
        if isinstance(made, (tuple, list)):
            found |= {f"{name}/{i}": np.asarray(part) for i, part in enumerate(made)}
        else:
            found[f"{name}/"] = np.asarray(made)
    np.savez_compressed(TARGET, **found)
