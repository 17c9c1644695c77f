from whitenoise.storage import CompressedManifestStaticFilesStorage

OURS = "js/*.js"
IMPORT = (
    r"""(?P<matched>import(?P<names>[^;"']*?)from "(?P<url>\.[^"]+)";)""",
    """import%(names)sfrom "%(url)s";""",
)


class HashedModules(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships without types
    """Our scripts import each other by hashed name too, so that no browser mixes modules from before and after a
    deploy. Only ours: Django's own switch for this reads every package's scripts, comments included."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, (OURS, (IMPORT,)))
