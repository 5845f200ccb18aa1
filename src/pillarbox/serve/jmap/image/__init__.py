"""RemoteImage/get, and the route behind what it gives (docs/manual/jmap-own.md). Our own."""

from pillarbox.serve.jmap.image import get

METHODS = get.METHODS
