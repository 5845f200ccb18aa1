"""How long a machine at random goes on in the suite; who looks for faults lets it go on for longer."""

from hypothesis import HealthCheck, Phase, settings

SHORT = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    # What fails is told as it is: to make it shorter may take many minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
