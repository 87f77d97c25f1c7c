"""What Keras's guides and examples for dense networks do, in programs of our own, by install_as."""

import numpy as np
import pytest

import fastnn

X = np.random.default_rng(0).random((120, 8)).astype("float32")
LABELS = (X[:, :3].argmax(axis=1)).astype("int64")
VALUES = X.sum(axis=1)

pytestmark = pytest.mark.filterwarnings("ignore:.*on the NumPy backend:RuntimeWarning")


@pytest.fixture(autouse=True)
def installed():
    fastnn.install_as("keras", "tensorflow.keras")
    yield
    fastnn.uninstall()


def test_sequential_models():
    import keras
    from keras import layers, ops

    model = keras.Sequential(name="mine")
    model.add(keras.Input(shape=(8,)))
    model.add(layers.Dense(4, activation="relu", name="first"))
    model.add(layers.Dense(3))
    model.pop()
    model.add(layers.Dense(2, name="last"))
    lines = []
    model.summary(print_fn=lines.append)
    assert 'Model: "mine"' in "".join(lines) and len(model.weights) == 4
    assert model(ops.ones((2, 8))).shape == (2, 2)
    features = keras.Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
    assert [array.shape for array in features(X)] == [(120, 4), (120, 2)]
    part = keras.Model(inputs=model.inputs, outputs=model.get_layer(name="first").output)
    assert part(X).shape == (120, 4)
    model.get_layer("first").trainable = False
    assert len(model.trainable_weights) == 2


def test_the_functional_api(tmp_path):
    import keras
    from keras import layers

    inputs = keras.Input(shape=(8,), name="table")
    words = keras.Input(shape=(3,), dtype="int32", name="words")
    h = layers.Dense(6, activation="relu")(inputs)
    h = layers.Dropout(0.1)(layers.BatchNormalization()(h))
    bag = layers.Flatten()(layers.Embedding(5, 2)(words))
    h = layers.concatenate([h, bag])
    model = keras.Model([inputs, words], [layers.Dense(3, "softmax", name="kind")(h),
                                          layers.Dense(1, name="size")(h)])
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3),
                  loss={"kind": keras.losses.SparseCategoricalCrossentropy(),
                        "size": keras.losses.MeanSquaredError()},
                  loss_weights={"kind": 1.0, "size": 0.2})
    data = {"table": X, "words": np.arange(360).reshape(120, 3) % 5}
    model.fit(data, {"kind": LABELS, "size": VALUES}, epochs=2, batch_size=32, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, two in zip(again.predict(data), model.predict(data), strict=True):
        np.testing.assert_array_equal(one, two)
    copy = keras.Model.from_config(model.get_config())
    assert copy.count_params() == model.count_params()
    shared = layers.Dense(4)
    twins = keras.Model([a := keras.Input((4,)), b := keras.Input((4,))],
                        layers.average([shared(a), shared(b)]))
    assert len(twins.weights) == 2


def test_training_and_evaluation():
    import keras
    from keras import layers, ops

    class TruePositives(keras.metrics.Metric):
        def __init__(self, name="found", **kwargs):
            super().__init__(name=name, **kwargs)
            self.found = self.add_variable(shape=(), initializer="zeros", name="found")

        def update_state(self, y_true, y_pred, sample_weight=None):
            hit = ops.argmax(y_pred, axis=1) == ops.cast(ops.ravel(y_true), "int32")
            self.found.assign_add(ops.sum(ops.cast(hit, "float32")))

        def result(self):
            return self.found.value

        def reset_state(self):
            self.found.assign(0)

    def get_model():
        return keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"),
                                 layers.Dense(3, "softmax")])

    class Halve(keras.callbacks.Callback):
        seen = ()

        def on_epoch_end(self, epoch, logs=None):
            self.seen += (sorted(logs),)
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate / 2

    model = get_model()
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(),
                  metrics=[keras.metrics.SparseCategoricalAccuracy(), TruePositives()])
    halve = Halve()
    history = model.fit(X, LABELS, batch_size=16, epochs=3, validation_split=0.2, verbose=0,
                        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
                        callbacks=[halve, keras.callbacks.EarlyStopping(patience=5)])
    assert set(history.history) == {
        "loss", "sparse_categorical_accuracy", "found", "val_loss", "val_found",
        "val_sparse_categorical_accuracy"}
    assert len(halve.seen) == 3 and float(model.optimizer.learning_rate) == 0.01 / 8
    results = model.evaluate(X, LABELS, verbose=0, return_dict=True)
    right = (model.predict(X).argmax(axis=1) == LABELS).sum()
    assert results["found"] == right

    def batches():
        while True:
            yield X[:16], LABELS[:16]

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.96, staircase=True)
    model = get_model()
    model.compile(keras.optimizers.SGD(learning_rate=schedule), "sparse_categorical_crossentropy")
    model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    assert model.optimizer.iterations == 6


def test_a_custom_loss_and_an_own_loss_class():
    import keras
    from keras import layers, ops

    def pinball(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(0.9 * error, -0.1 * error))

    class Penalised(keras.losses.Loss):
        def __init__(self, factor=0.1, name="penalised"):
            super().__init__(name=name)
            self.factor = factor

        def call(self, y_true, y_pred):
            error = ops.mean(ops.square(y_true - y_pred), axis=-1)
            return error + self.factor * ops.mean(ops.square(0.5 - y_pred), axis=-1)

    for loss in (pinball, Penalised()):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([layers.Dense(8, "tanh"), layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), loss)
        losses = model.fit(X, VALUES, epochs=15, verbose=0).history["loss"]
        assert losses[-1] < losses[0] / 2


def test_making_new_layers_and_models():
    import keras
    from keras import layers, ops

    class Linear(layers.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units),
                                     initializer="random_normal", trainable=True)
            self.b = self.add_weight(shape=(self.units,), initializer="random_normal",
                                     trainable=True)

        def call(self, inputs):
            return ops.matmul(inputs, self.w) + self.b

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.three = Linear(6), Linear(6), Linear(1)

        def call(self, inputs):
            x = keras.activations.relu(self.one(inputs))
            x = keras.activations.relu(self.two(x))
            return self.three(x)

    block = Block()
    assert block(ops.ones(shape=(3, 8))).shape == (3, 1) and len(block.weights) == 6

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.block, self.out = Block(), layers.Dense(1)

        def call(self, inputs):
            return self.out(self.block(inputs))

    net = Net()
    net.compile(keras.optimizers.Adam(0.01), "mse")
    losses = net.fit(X, VALUES, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    config = Linear(7, name="seven").get_config()
    assert Linear.from_config(config).units == 7


def test_saving_and_own_objects(tmp_path):
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable(package="tests", name="Twice")
    class Twice(layers.Layer):
        def call(self, inputs):
            return 2.0 * ops.convert_to_tensor(inputs)

    model = keras.Sequential([keras.Input((8,)), Twice(), layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is Twice
    text = model.to_json()
    assert '"tests>Twice"' in text
    assert type(keras.models.model_from_json(text).layers[0]) is Twice
    config = keras.saving.serialize_keras_object(model.layers[1])
    assert keras.saving.deserialize_keras_object(config).units == 2
    model.compile("sgd", "mse")
    kept = keras.callbacks.ModelCheckpoint(tmp_path / "best_{epoch}.keras", monitor="loss")
    model.fit(X, X[:, :2], epochs=2, verbose=0, callbacks=[kept])
    best = keras.models.load_model(tmp_path / "best_2.keras")
    np.testing.assert_array_equal(best.predict(X), model.predict(X))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X), model.predict(X))

    class Plain(layers.Layer):
        def call(self, inputs):
            return ops.square(inputs)

    with keras.saving.custom_object_scope({"Plain": Plain}):
        found = layers.deserialize({"class_name": "Plain", "config": {}})
    assert type(found) is Plain
    keras.saving.get_custom_objects().pop("tests>Twice")


def test_transfer_learning():
    import keras
    from keras import layers

    base = keras.Sequential([keras.Input((8,)), layers.Dense(6, "relu"),
                             layers.BatchNormalization()], name="base")
    base.trainable = False
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(1)(base(inputs, training=False)))
    model.compile(keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True),
                  metrics=[keras.metrics.BinaryAccuracy()])
    before = base.get_weights()
    model.fit(X, LABELS > 0, verbose=0)
    for one, two in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    base.trainable = True
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(X, LABELS > 0, verbose=0)
    assert (before[0] != base.get_weights()[0]).any()


def test_tensorflow_spellings():
    import tensorflow as tf
    from tensorflow.keras import backend as K
    from tensorflow.keras.callbacks import ModelCheckpoint, ReduceLROnPlateau
    from tensorflow.keras.layers import Dense, Dropout, Flatten
    from tensorflow.keras.models import Sequential
    from tensorflow.keras.optimizers.legacy import Adam
    from tensorflow.keras.preprocessing.sequence import pad_sequences
    from tensorflow.keras.utils import to_categorical

    tf.random.set_seed(3)
    tf.keras.utils.set_random_seed(3)
    model = Sequential([Flatten(input_shape=(4, 2)), Dense(12, activation="relu"), Dropout(0.2),
                        Dense(3, activation="softmax")])
    model.compile(optimizer=Adam(learning_rate=0.01), loss="categorical_crossentropy",
                  metrics=["accuracy"])
    history = model.fit(X.reshape(-1, 4, 2), to_categorical(LABELS, 3), epochs=2, verbose=0,
                        callbacks=[ReduceLROnPlateau(monitor="loss")])
    assert "accuracy" in history.history and ModelCheckpoint
    assert pad_sequences([[1, 2], [3]], padding="post").tolist() == [[1, 2], [3, 0]]
    assert K.mean(K.square(np.array([1.0, 3.0]))) == 5
    K.clear_session()


def test_an_autoencoder_and_splits():
    import keras

    left, right = keras.utils.split_dataset(X, left_size=0.75, shuffle=True, seed=2)
    assert len(left) == 90 and len(right) == 30
    coded = keras.layers.Dense(3, activation="relu",
                               activity_regularizer=keras.regularizers.l1(1e-4))
    inputs = keras.Input((8,))
    code = coded(inputs)
    auto = keras.Model(inputs, keras.layers.Dense(8, activation="sigmoid")(code))
    encoder = keras.Model(inputs, code)
    auto.compile("adam", "binary_crossentropy")
    auto.fit(left, left, epochs=2, validation_data=(right, right), verbose=0)
    assert encoder.predict(right).shape == (30, 3)
    numbers = keras.random.normal((3,), seed=keras.random.SeedGenerator(1))
    assert numbers.dtype == "float32"
