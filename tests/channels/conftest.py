from no_ray import no_ray as no_ray
from quiet import quiet as quiet
