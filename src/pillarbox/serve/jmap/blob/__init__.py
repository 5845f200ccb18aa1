"""Blobs within requests: Blob/upload, Blob/get, Blob/lookup (RFC 9404)."""

from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.blob import get, lookup, upload
from pillarbox.serve.jmap.blob.octets import BLOB
from pillarbox.serve.jmap.method import ANSWER_OCTETS, Json, Method

METHODS: tuple[Method, ...] = (*upload.METHODS, *get.METHODS, *lookup.METHODS)

__all__ = ["BLOB", "METHODS", "account_capability"]


def account_capability(limits: Limits) -> Json:
    """RFC 9404 §3.1."""
    return {
        "maxSizeBlobSet": min(limits.jmap_upload_octets, ANSWER_OCTETS),
        "maxDataSources": upload.MOST_SOURCES,
        "supportedTypeNames": list(lookup.TYPE_NAMES),
        "supportedDigestAlgorithms": list(get.DIGESTS),
    }
