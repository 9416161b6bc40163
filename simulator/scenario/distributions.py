"""Random times: patience, handling, thinking. All are given by their mean, the figure that people know."""

from __future__ import annotations

import math
import random
from typing import Annotated, Literal

import msgspec

from .units import Seconds

Name = Literal["exponential", "lognormal", "weibull", "constant"]


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cv` is the coefficient of variation of a lognormal; `shape` that of a Weibull (below 1: many give up at once).

    Handling times of calls are lognormal (Brown et al. 2005).
    """

    distribution: Name = "exponential"
    mean: Seconds
    cv: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0
    shape: Annotated[float, msgspec.Meta(ge=0.2, le=20)] = 1.0

    def sample(self, rng: random.Random) -> float:
        """Seconds of the model."""
        mean = float(self.mean)
        if not mean:
            return 0.0
        if self.distribution == "exponential":
            return rng.expovariate(1 / mean)
        if self.distribution == "lognormal":
            variance = math.log1p(self.cv**2)
            return rng.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance))
        if self.distribution == "weibull":
            return rng.weibullvariate(mean / math.gamma(1 + 1 / self.shape), self.shape)
        return mean

    @property
    def is_exponential(self) -> bool:
        return self.distribution == "exponential" or (
            self.distribution == "weibull" and math.isclose(self.shape, 1.0)
        )
