"""docs/determinism.md written once more, in NumPy: every sum in its written order, so that bits can be compared.

It shares nothing with the package: not its losses, attacks or random numbers. Every neuron is looked at; what the
library does in steps over neurons, inputs or components that do not meet is done for all of them side by side. A
written order is in one place here, as on that page:

=================  ===================================================================
arithmetic.py      inner products, sums, lengths of vectors, exp and log
random_numbers.py  the generator and what is drawn from it
losses.py          losses and their derivatives
network.py         networks, their initialisations, which neurons fire, outputs, gradients
attack.py          FGSM and PGD
slice_domain.py    the attack's domain on the slice of the sphere
training.py        steps, epochs, Gauss-Newton
three_layers.py    hidden layers kept as low rank
=================  ===================================================================
"""

from oracle.attack import Attack, attacked_inputs
from oracle.losses import loss_and_derivative
from oracle.network import Network, draw_network
from oracle.optimizers import Adam, Momentum
from oracle.random_numbers import random_order
from oracle.slice_domain import SLICE_RADIUS, project_to_slice
from oracle.three_layers import ThreeLayers, draw_three_layers, train_three_layers
from oracle.training import History, train

__all__ = [
    "SLICE_RADIUS",
    "Adam",
    "Attack",
    "History",
    "Momentum",
    "Network",
    "ThreeLayers",
    "attacked_inputs",
    "draw_network",
    "draw_three_layers",
    "loss_and_derivative",
    "project_to_slice",
    "random_order",
    "train",
    "train_three_layers",
]
