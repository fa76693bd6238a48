"""``python -m assent`` runs the operator."""

import sys

from assent.app import main

sys.exit(main())
