"""Every call that the course notes show, as they show it: only the import lines name fastnn.

The pieces of code run as text, so that each of them stays as a student would paste it.
"""

import textwrap

import numpy as np
import pytest

from fastnn import backends, config, tuner, utils

IMPORTS = """
import time
import numpy as np
from fastnn.models import Sequential
from fastnn.layers import Dense, Dropout, Flatten, BatchNormalization
from fastnn.callbacks import EarlyStopping
import fastnn as keras
"""

TWO_FEATURES = """
model = Sequential()
model.add(Dense(10, activation='relu', input_dim=2))
model.add(Dense(10, activation='relu'))
model.add(Dense(10, activation='relu'))
model.add(Dense(10, activation='relu'))
model.add(Dense(1, activation='sigmoid'))
"""


def notebook(*cells, **names):
    """Runs the cells one after another in one namespace, which is returned."""
    utils.set_random_seed(0)
    for cell in (IMPORTS, *cells):
        exec(compile(textwrap.dedent(cell), "cell", "exec"), names)
    return names


@pytest.fixture
def quadrants():
    """400 rows of two standardised features; the classes are the quadrants' signs."""
    X = np.random.default_rng(0).normal(size=(400, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.fixture
def headless(monkeypatch):
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    yield plt
    plt.close("all")


def test_a_regression_ends_in_a_linear_neuron(capsys):
    names = notebook("""
        model = Sequential()

        model.add(Dense(7,activation='relu',input_dim=7))
        model.add(Dense(7,activation='relu'))
        model.add(Dense(1,activation='linear'))
        """, "model.summary()",
        "model.compile(loss='mean_squared_error',optimizer='Adam')")
    assert "Total params: 120 (480.00 B)" in capsys.readouterr().out
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 7))
    history = names["model"].fit(X, X @ rng.normal(size=7), epochs=60, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 3


def test_pictures_are_flattened(capsys):
    names = notebook("""
        model = Sequential()

        model.add(Flatten(input_shape=(28,28)))
        model.add(Dense(128, activation='relu'))
        model.add(Dense(32, activation='relu'))
        model.add(Dense(10, activation='softmax'))
        """, "model.summary()")
    assert "Total params: 104,938 (409.91 KB)" in capsys.readouterr().out
    assert names["model"].predict(np.zeros((3, 28, 28)), verbose=0).shape == (3, 10)


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 320), (400, 1)])
def test_stochastic_and_batch_gradient_descent(batch_size, steps, quadrants, headless, capsys):
    X, y = quadrants
    names = notebook(TWO_FEATURES, f"""
        model.compile(loss='binary_crossentropy',metrics=['accuracy'])
        start = time.time()
        history = model.fit(X_scaled,y,epochs=15,batch_size={batch_size},validation_split=0.2)
        print(time.time() - start)
        """, """
        import matplotlib.pyplot as plt
        plt.plot(history.history['loss'])
        """, X_scaled=X, y=y)
    printed = capsys.readouterr().out
    assert "Epoch 15/15" in printed and f"{steps}/{steps}" in printed
    assert list(names["history"].history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    [line] = headless.gca().lines
    np.testing.assert_array_equal(line.get_ydata(), names["history"].history["loss"])


def test_early_stopping_with_all_of_its_arguments(quadrants, capsys):
    X, y = quadrants
    names = notebook("""
        model = Sequential()
        model.add(Dense(256, input_dim=2, activation='relu'))
        model.add(Dense(1, activation='sigmoid'))
        """, """
        model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])

        callback = EarlyStopping(
            monitor="val_loss", #Quantity to be monitored. Defaults to "val_loss".
            min_delta=0.0001, #Minimum change in monitored metric to qualify as an improvement.
            patience=20, #Number of epochs with no improvement before training is stopped.
            verbose=1, #Controls whether to display messages (0 = silent, 1 = show).
            mode="auto",#Defines improvement direction.
            baseline=None,# Minimum baseline value
            restore_best_weights=True #If True, restores weights of the best epoch.
        )
        """, """
        history = model.fit(X_train, y_train, validation_data=(X_test, y_test), epochs=3500,
        callbacks=callback)
        """, X_train=X[:80], y_train=y[:80], X_test=X[80:100], y_test=y[80:100])
    losses = names["history"].history["val_loss"]
    printed = capsys.readouterr().out
    assert 20 < len(losses) < 3500
    assert f"Epoch {len(losses)}: early stopping" in printed
    assert f"end of the best epoch: {names['callback'].best_epoch + 1}." in printed
    validated = names["model"].evaluate(X[80:100], y[80:100], verbose=0)
    assert validated[0] == pytest.approx(losses[names["callback"].best_epoch], rel=1e-6)


def test_weights_are_read_made_by_hand_and_set():
    names = notebook(TWO_FEATURES, """
        initial_weights = model.get_weights()
        initial_weights[0] = np.random.randn(2,10)*np.sqrt(1/2)
        initial_weights[1] = np.zeros(model.get_weights()[1].shape)
        initial_weights[2] = np.random.randn(10,10)*np.sqrt(1/10)
        initial_weights[3] = np.zeros(model.get_weights()[3].shape)
        initial_weights[4] = np.random.randn(10,10)*np.sqrt(1/10)
        initial_weights[5] = np.zeros(model.get_weights()[5].shape)
        initial_weights[6] = np.random.randn(10,10)*np.sqrt(1/10)
        initial_weights[7] = np.zeros(model.get_weights()[7].shape)
        initial_weights[8] = np.random.randn(10,1)*np.sqrt(1/10)
        initial_weights[9] = np.zeros(model.get_weights()[9].shape)
        """, "model.set_weights(initial_weights)")
    held = names["model"].get_weights()
    assert len(held) == 10
    for there, given in zip(held, names["initial_weights"], strict=True):
        assert there.dtype == np.float32
        np.testing.assert_array_equal(there, given.astype(np.float32))


def test_he_initializers_by_name(capsys):
    names = notebook("""
        model = Sequential()

        model.add(Dense(10, activation='relu', input_dim=2, kernel_initializer='he_uniform'))
        model.add(Dense(10, activation='relu', kernel_initializer='he_normal'))
        model.add(Dense(10, activation='relu', kernel_initializer='he_normal'))
        model.add(Dense(10, activation='relu', kernel_initializer='he_normal'))
        model.add(Dense(1, activation='sigmoid'))
        """, "model.summary()")
    assert "Total params: 371 (1.45 KB)" in capsys.readouterr().out
    first = np.abs(names["model"].layers[0].kernel).max()
    assert np.sqrt(6 / 2) / 2 < first <= np.sqrt(6 / 2)  # uniform within sqrt(6 / inputs)


def test_batch_normalization_between_layers(quadrants, capsys):
    X, y = quadrants
    names = notebook("""
        model = Sequential()

        model.add(Dense(3,activation='relu',input_dim=2))
        model.add(BatchNormalization())
        model.add(Dense(2,activation='relu'))
        model.add(BatchNormalization())
        model.add(Dense(1,activation='sigmoid'))

        model.summary()
        """, "model.compile(loss='binary_crossentropy', optimizer='adam')",
        "history = model.fit(X, y, epochs=3, verbose=0)", X=X, y=y)
    printed = capsys.readouterr().out
    assert "Total params: 40 (160.00 B)" in printed
    assert "Non-trainable params: 10 (40.00 B)" in printed
    assert np.isfinite(names["history"].history["loss"]).all()


def test_sgd_and_its_defaults():
    sgd = notebook("""
        sgd = keras.optimizers.SGD(
            learning_rate=0.01, momentum=0.0, nesterov=False, name="SGD"
        )
        """)["sgd"]
    default = notebook("sgd = keras.optimizers.SGD()")["sgd"]
    assert sgd.name == "SGD"
    for name in ("learning_rate", "momentum", "nesterov"):
        assert sgd.get_config()[name] == default.get_config()[name]


def test_the_decision_regions_of_a_sigmoid_model(quadrants, headless):
    X, y = quadrants
    ax = notebook(TWO_FEATURES, """
        from fastnn.plot import plot_decision_regions
        model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
        model.fit(X, y, epochs=60, verbose=0)
        """, "ax = plot_decision_regions(X, y, clf=model, legend=2)", X=X, y=y)["ax"]
    assert ax is headless.gca()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "1"]
    filled = [c for c in ax.collections if getattr(c, "filled", False)]
    for quadrant in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        inside = [any(path.contains_point(quadrant) for path in region.get_paths())
                  for region in filled]
        assert inside == [quadrant[0] * quadrant[1] < 0, quadrant[0] * quadrant[1] > 0]


def test_a_model_built_from_hyperparameters(tmp_path):
    build_model = notebook("""
        from fastnn.layers import Dropout
        def build_model(hp):
            model = Sequential()

            # Input layer + First hidden layer: Tune the number of neurons
            model.add(Dense(units=hp.Int('input_units', min_value=8, max_value=128, step=8),
                            activation='relu', input_dim=8))

            # Add a tunable dropout layer after the first hidden layer
            model.add(Dropout(hp.Choice('dropout_input', values=[0.1, 0.2, 0.3, 0.4, 0.5, 0.9])))

            # Add a tunable number of hidden layers between 0 and 10
            for i in range(hp.Int('num_layers', min_value=0, max_value=10)):
                # Tune the number of neurons in each hidden layer
                model.add(Dense(units=hp.Int(f'layer_{i}_units', min_value=8, max_value=128,
                                             step=8), activation='relu'))
                # Add a tunable dropout layer after each hidden layer
                model.add(Dropout(hp.Choice('dropout' + str(i), values=[0.1, 0.2, 0.3, 0.9])))

            # Output layer
            model.add(Dense(1, activation='sigmoid'))

            # Tune the optimizer
            optimizer = hp.Choice('optimizer', values=['adam', 'sgd', 'rmsprop', 'adadelta'])

            model.compile(
                optimizer=optimizer,
                loss='binary_crossentropy',
                metrics=['accuracy']
            )
            return model
        """)["build_model"]
    hp = tuner.HyperParameters()
    hp.Fixed("num_layers", 3)
    model = build_model(hp)
    assert len(model.layers) == 2 + 2 * 3 + 1
    assert hp.values["layer_2_units"] == 8
    rows = np.random.default_rng(0).normal(size=(40, 8))
    labels = (rows[:, 0] > 0).astype(int)
    history = model.fit(rows, labels, epochs=2, verbose=0)
    assert len(history.history["accuracy"]) == 2

    search = tuner.RandomSearch(build_model, objective="val_accuracy", max_trials=3, seed=1,
                                directory=tmp_path)
    search.search(rows, labels, epochs=2, validation_data=(rows, labels), verbose=0)
    assert search.get_best_hyperparameters()[0].values["input_units"] in range(8, 129, 8)
    best = search.get_best_models(num_models=1)[0]
    assert best.fit(rows, labels, epochs=4, initial_epoch=2, verbose=0).epoch == [2, 3]


PROGRAM = """
def initialize_parameters(layer_dims):
    parameters = {}
    L = len(layer_dims)
    for l in range(1, L):
        parameters['W' + str(l)] = np.ones((layer_dims[l-1], layer_dims[l]))*0.1
        parameters['b' + str(l)] = np.zeros((layer_dims[l], 1))
    return parameters

def l_layer_forward(X, parameters):
    A1 = parameters['W1'].T @ X + parameters['b1']
    return parameters['W2'].T @ A1 + parameters['b2'], A1

def update_parameters(parameters,y,y_hat,A1,X):
    dy_hat = -2*(y - y_hat)
    dA1 = dy_hat*parameters['W2']
    parameters['W2'] = parameters['W2'] - 0.001*dy_hat*A1
    parameters['b2'] = parameters['b2'] - 0.001*dy_hat
    parameters['W1'] = parameters['W1'] - 0.001*X @ dA1.T
    parameters['b1'] = parameters['b1'] - 0.001*dA1
"""
LOOP = """
parameters = initialize_parameters([2,2,1])
epochs = 5
losses = []

for i in range(epochs):

    Loss = []

    for j in range(df.shape[0]):

        X = df[['cgpa', 'profile_score']].values[j].reshape(2,1)
        y = df[['lpa']].values[j][0]

        # Parameter initialization

        y_hat,A1 = l_layer_forward(X,parameters)
        y_hat = y_hat[0][0]

        update_parameters(parameters,y,y_hat,A1,X)

        Loss.append((y-y_hat)**2)

    losses.append(np.array(Loss).mean())
"""


@pytest.mark.parametrize("backend", backends.available())
def test_the_loop_written_by_hand_and_the_same_training_by_fit(backend, monkeypatch):
    monkeypatch.setitem(config._settings, "floatx", "float64")
    pandas = pytest.importorskip("pandas")
    df = pandas.DataFrame([[8, 8, 4], [7, 9, 5], [6, 10, 6], [5, 12, 7]],
                          columns=["cgpa", "profile_score", "lpa"])
    by_hand = notebook(PROGRAM, LOOP, df=df)
    np.testing.assert_allclose(
        by_hand["losses"],
        [26.3455776664, 19.8594289186, 10.8816025722, 3.7770377993, 1.2238044970], rtol=1e-9)
    by_fit = notebook("""
        start = keras.initializers.Constant(0.1)
        model = Sequential()
        model.add(Dense(2, activation='linear', input_dim=2, kernel_initializer=start))
        model.add(Dense(1, activation='linear', kernel_initializer=start))
        model.compile(loss='sum_squared_error', optimizer=keras.optimizers.SGD(0.001),
                      backend=backend)
        history = model.fit(df[['cgpa', 'profile_score']], df[['lpa']], epochs=5, batch_size=1,
                            shuffle=False, verbose=0)
        """, df=df, backend=backend)
    np.testing.assert_allclose(by_fit["history"].history["loss"], by_hand["losses"], rtol=1e-10)
    for name, held in zip(("W1", "b1", "W2", "b2"), by_fit["model"].get_weights(), strict=True):
        np.testing.assert_allclose(held, by_hand["parameters"][name].reshape(held.shape),
                                   rtol=1e-10)


def test_the_first_weights_as_a_histogram(headless):
    names = notebook(TWO_FEATURES, """
        import matplotlib.pyplot as plt
        model1_weight_layer1 = model.get_weights()[0].reshape(-1)
        plt.hist(model1_weight_layer1)
        """, "least = model1_weight_layer1.min()")
    assert names["least"] == names["model"].layers[0].kernel.min()
    assert sum(bar.get_height() for bar in headless.gca().patches) == 20
