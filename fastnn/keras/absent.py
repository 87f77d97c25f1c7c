"""What Keras has and fastnn has not, and why: the words of errors, and of a table in docs/keras.md.

`REASONS` has for each reason the names by module, with * for any letters. tests/test_keras_names.py
holds it against the list of all of Keras's public names.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

REASONS: dict[str, dict[str, tuple[str, ...]]] = {
    "fastnn is for dense networks: no convolutions, pooling or images": {
        "": ("applications", "visualization"),
        "applications*": ("*",),
        "visualization": ("*",),
        "layers": (
            "*Conv*", "*Pool*", "Cropping[23]D", "ZeroPadding[23]D", "UpSampling*",
            "SpatialDropout*", "Random*", "AugMix", "AutoContrast", "CenterCrop", "CutMix",
            "ContrastLimited*", "Equalization", "MaxNumBoundingBoxes", "MixUp", "RandAugment",
            "Resizing", "Solarization"),
        "ops*": ("*conv", "conv_transpose", "*pool", "image", "depth_to_space",
                 "space_to_depth", "fold", "unfold", "psnr"),
        "ops.image": ("*",),
        "utils": ("*img*", "image_dataset_from_directory", "bounding_boxes"),
        "utils.bounding_boxes": ("*",),
        "preprocessing": ("image*",),
        "preprocessing.image": ("*",),
        "datasets*": ("cifar*",),
        "datasets.cifar*": ("*",),
    },
    "fastnn is for dense networks: no recurrent layers, sequences or attention": {
        "layers": ("*GRU*", "*LSTM*", "*RNN*", "Bidirectional", "TimeDistributed", "*Attention*",
                   "Masking", "EinsumDense", "ReversibleEmbedding", "MelSpectrogram",
                   "STFTSpectrogram", "TextVectorization"),
        "losses": ("CTC", "ctc"),
        "initializers": ("STFT*", "stft"),
        "ops*": ("ctc_*", "dot_product_attention", "extract_sequences", "*fft*", "*stft"),
        "config": ("*flash_attention*",),
        "utils": ("audio_dataset_from_directory", "text_dataset_from_directory",
                  "timeseries_dataset_from_array"),
        "preprocessing": ("text_dataset_from_directory", "timeseries_dataset_from_array"),
    },
    "not in fastnn yet": {
        "": ("wrappers",),
        "layers": ("Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "Pipeline",
                   "SpectralNormalization", "Wrapper", "Lambda"),
        "losses": ("Circle", "circle"),
        "optimizers": ("Adafactor", "Muon", "ScheduleFreeAdamW", "MultiOptimizer",
                       "OptimizerMap"),
        "callbacks": ("RemoteMonitor",),
        "utils": ("FeatureSpace", "model_to_dot"),
        "wrappers": ("*",),
    },
    "a layer of one's own has a method backward instead": {
        "ops*": ("custom_gradient", "jvp"),
    },
    "rarely asked for: NumPy has it": {
        "ops*": ("associative_scan", "bartlett", "blackman", "cholesky_inverse", "correlate",
                 "hamming", "hanning", "kaiser", "lu_factor", "nanarg*", "nancumprod",
                 "nanpercentile", "nanquantile", "polar", "rearrange", "view_as_*"),
        "": ("tree",),
        "tree": ("*",),
    },
    "a setting of Keras's own machinery, which fastnn does not have": {
        "": ("Function", "InputSpec", "Operation", "RematScope", "StatelessScope",
             "SymbolicScope", "device", "name_scope", "remat", "distribution", "legacy"),
        "config": ("*interactive_logging*", "*traceback_filtering*", "is_nnx_enabled",
                   "*max_epochs", "*max_steps_per_epoch", "enable_unsafe_deserialization"),
        "callbacks": ("OrbaxCheckpoint", "ProgbarLogger"),
        "distribution": ("*",),
        "layers": ("FlaxLayer", "InputSpec", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"),
        "legacy*": ("*",),
        "saving": ("KerasFileEditor",),
        "utils": ("Config", "Progbar", "*interactive_logging*", "get_source_inputs",
                  "legacy"),
        "utils.legacy": ("*",),
    },
    "fastnn computes in float32 or float64 alone": {
        "": ("DTypePolicy", "FloatDTypePolicy", "Quantizer", "dtype_policies", "mixed_precision",
             "quantizers"),
        "dtype_policies": ("*",),
        "mixed_precision": ("*",),
        "quantizers": ("*",),
        "optimizers": ("LossScaleOptimizer",),
    },
    "fastnn downloads no data but MNIST, when mnist.load_data() asks for it": {
        "datasets*": ("boston_housing", "california_housing", "fashion_mnist", "imdb",
                      "reuters"),
        "datasets.boston_housing": ("*",),
        "datasets.california_housing": ("*",),
        "datasets.fashion_mnist": ("*",),
        "datasets.imdb": ("*",),
        "datasets.reuters": ("*",),
        "utils": ("get_file",),
    },
    "fastnn exports no models; model.to_keras() makes one of Keras's": {
        "": ("distillation", "export"),
        "distillation": ("*",),
        "export": ("*",),
    },
}


def reason(path: str, name: str) -> str | None:
    """Why fastnn lacks a name of Keras's module at ``path``; None if Keras has no such name.

    >>> reason("layers", "Conv2D")
    'fastnn is for dense networks: no convolutions, pooling or images'
    """
    for why, modules in REASONS.items():
        for module, patterns in modules.items():
            if fnmatchcase(path, module) and any(fnmatchcase(name, p) for p in patterns):
                return why
    return None


def table() -> str:
    """The reasons and names as a table for docs/keras.md."""
    lines = ["| why | names |", "| --- | --- |"]
    for why, modules in REASONS.items():
        names = [f"{module.rstrip('*')}.{pattern}".removeprefix(".") for module, patterns in
                 modules.items() for pattern in patterns if pattern != "*"]
        lines.append(f"| {why} | {', '.join(f'`{name}`' for name in dict.fromkeys(names))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
