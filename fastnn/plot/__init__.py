"""Pictures of data, of training and of what a network has learnt.

Every function draws on the axes given as ``ax``, or on the current ones if nothing is drawn there
yet, or else on new ones, and returns them; no window opens by itself. matplotlib is imported at
the first picture (``pip install "fastnn[plot]"``); `plot_model` does without it.

==========================================  =====================================================
`history` `overfitting_start`               the loss over the epochs, and where overfitting begins
`plot_decision_regions`                     the classes all over the plane (mlxtend's arguments)
`RegionMovie` `PerceptronMovie`             how the region, or the perceptron's line, came about
`perceptron_lines`                          the lines that the perceptron tried, in one picture
`weight_histograms` `activation_histograms` the numbers of each layer, before against after
`network`                                   neurons, and their weights as coloured lines
`activations`                               the neurons' values for one input
`patterns`                                  the images that the first layer's neurons look for
`confusion_matrix`                          which classes are taken for which
`loss_surface` `optimizer_paths`            the loss around a model, and the ways down
`plot_model`                                the layers and how they are connected, as SVG
==========================================  =====================================================

The numbers behind the pictures come from functions of their own, which need no matplotlib.
"""

from fastnn.overfitting import overfitting_start
from fastnn.plot.curves import history
from fastnn.plot.graph import plot_model
from fastnn.plot.histograms import activation_histograms, weight_histograms
from fastnn.plot.images import pattern_images, patterns
from fastnn.plot.landscape import LossSurface, loss_surface, measure_surface, optimizer_paths
from fastnn.plot.matrix import confusion_counts, confusion_matrix
from fastnn.plot.movies import Movie, PerceptronMovie, RegionMovie, perceptron_lines
from fastnn.plot.neurons import activations, network
from fastnn.plot.regions import class_scores, plot_decision_regions

__all__ = ["LossSurface", "Movie", "PerceptronMovie", "RegionMovie", "activation_histograms",
           "activations", "class_scores", "confusion_counts", "confusion_matrix", "history",
           "loss_surface", "measure_surface", "network", "optimizer_paths",
           "overfitting_start", "pattern_images", "patterns", "perceptron_lines",
           "plot_decision_regions", "plot_model", "weight_histograms"]
