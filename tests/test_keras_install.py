"""`install_as`: programs written for Keras, in processes of their own."""

import subprocess
import sys
import textwrap

import pytest

import fastnn
from fastnn.keras import installed


def run(program: str, *options: str) -> str:
    """What a program prints; a CalledProcessError if it fails."""
    return subprocess.run([sys.executable, *options, "-c", textwrap.dedent(program)], check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture
def keras():
    fastnn.install_as("keras", "tensorflow.keras", "keras_tuner")
    yield
    fastnn.uninstall()


def test_every_way_to_import(keras):
    import keras
    import keras.optimizers.schedules as rates
    import tensorflow as tf
    import tensorflow.keras.backend as K
    from keras import layers
    from keras.models import Sequential
    from tensorflow import keras as tf_keras
    from tensorflow.keras.layers import Dense

    assert keras.Sequential is Sequential is tf.keras.models.Sequential is fastnn.Sequential
    assert layers.Dense is Dense is tf_keras.layers.Dense is fastnn.layers.Dense
    assert rates.CosineDecay is fastnn.optimizers.schedules.CosineDecay
    assert K.square([3.0]) == 9 and K.epsilon() == 1e-7
    assert keras.__version__.startswith("3.15") and tf.__version__.startswith("2.")
    assert keras.version() == keras.__version__


def test_star_import_and_dir(keras):
    names: dict = {}
    exec("from keras.layers import *", names)
    assert names["Dropout"] is fastnn.layers.Dropout
    import keras

    assert {"layers", "models", "Sequential", "ops"} <= set(dir(keras))
    assert "schedules" in dir(keras.optimizers)


def test_what_is_missing_says_so(keras):
    import keras

    with pytest.raises(ImportError, match=r"fastnn has no keras.layers.Conv2D: .*no convolutions"):
        from keras.layers import Conv2D  # noqa: F401
    with pytest.raises(ImportError, match=r"keras.layers.Dens\. Close to it: Dense"):
        from keras.layers import Dens  # noqa: F401
    with pytest.raises(AttributeError, match=r"fastnn has no keras.layers.LSTM: .*no recurrent"):
        keras.layers.LSTM  # noqa: B018
    with pytest.raises(ImportError, match=r"fastnn has no keras.applications: "):
        import keras.applications
    with pytest.raises(ImportError, match=r"fastnn has no tensorflow.constant: it stands in for"):
        from tensorflow import constant  # noqa: F401
    assert not hasattr(keras.layers, "Conv2D")
    assert getattr(keras, "nothing", 3) == 3


def test_deeper_modules_that_are_missing(keras):
    with pytest.raises(ModuleNotFoundError, match=r"fastnn has no keras.applications: "):
        import keras.applications.resnet  # noqa: F401


def test_the_tuner(keras):
    import keras_tuner as kt

    pytest.importorskip("optuna")
    from keras_tuner import HyperParameters
    from keras_tuner.tuners import RandomSearch

    assert kt.RandomSearch is RandomSearch is fastnn.tuner.RandomSearch
    assert kt.HyperParameters is HyperParameters
    with pytest.raises(AttributeError, match=r"no keras_tuner\.RandomSerch"):
        kt.RandomSerch  # noqa: B018


def test_uninstall():
    fastnn.install_as("keras")
    import keras  # noqa: F401

    assert installed() == ("keras",)
    fastnn.uninstall()
    assert "keras" not in sys.modules and installed() == ()
    fastnn.uninstall()  # once more does no harm


def test_only_what_was_asked_for():
    fastnn.install_as("tensorflow.keras")
    try:
        from tensorflow.keras import Sequential  # noqa: F401

        assert "keras" not in sys.modules
    finally:
        fastnn.uninstall()


def test_unknown_names():
    with pytest.raises(ValueError, match=r"Expected names among keras, .*received 'torch'"):
        fastnn.install_as("torch")
    assert installed() == ()


def test_a_real_package_that_is_imported_already(tmp_path):
    (tmp_path / "keras.py").write_text("real = True")
    assert run(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import keras, fastnn
        try:
            fastnn.install_as("keras")
        except ImportError as error:
            print(error)
        import keras
        print(keras.real)
        """).splitlines()[0].startswith("keras has been imported already, from " + str(tmp_path))


def test_a_real_package_that_is_not_imported_stays_as_it_is(tmp_path):
    (tmp_path / "keras.py").write_text("real = True")
    assert run(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import fastnn
        fastnn.install_as("keras")
        import keras
        print(hasattr(keras, "real"), keras.Sequential is fastnn.Sequential)
        fastnn.uninstall()
        import keras
        print(keras.real)
        """).split() == ["False", "True", "True"]


def test_nothing_happens_without_the_call():
    assert run("""
        import sys, fastnn, fastnn.layers, fastnn.models
        print([m for m in sys.modules if m.startswith(("keras", "fastnn.keras", "tensorflow"))])
        """) == "[]\n"
