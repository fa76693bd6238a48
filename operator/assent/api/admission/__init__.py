"""The admission policies that guard approvals, journal, status and configuration.

One source for the manifests in ``deploy/``, the chart, and the operator's own check that what is
installed is what it ships.
"""

from assent.api.admission.comparison import deviations
from assent.api.admission.installation import Installation
from assent.api.admission.shipped import policies

__all__ = ["Installation", "deviations", "policies"]
