"""Web server settings that every deployment shares; address and number of workers come from the command line."""

worker_class = "gthread"
threads = 3
preload_app = True
timeout = 60
accesslog = None
loglevel = "warning"
# The heartbeat file must not lie on a disk: a busy one would look like a dead worker.
worker_tmp_dir = "/dev/shm"  # noqa: S108
# Nobody administers the server through a socket in somebody's home.
control_socket_disable = True
# Where the site stands is for the settings to say, not for a header.
forwarder_headers = ""
