"""What is looked at before the service starts: everything that is wrong is told in one report."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from busway.app import App
from busway.configuration.boot import boot
from busway.configuration.deployment import Deployment
from busway.errors import BuswayError, ConfigurationError, PluginError, Problem
from busway.operation.service_policy import ServicePolicy
from busway.stores.state_dir import prepare_state_dir
from busway.wiring.operation_tables import operation_problems

__all__ = ["Validated", "validate"]


class Validated:
    """A deployment that a service can be started for, and the socket it listens on."""

    def __init__(self, app: App, policy: ServicePolicy, listener: socket.socket) -> None:
        self.app = app
        self.policy = policy
        self.listener = listener

    def close(self) -> None:
        """Gives both back."""
        self.listener.close()
        self.app.close()


def validate(
    directory: Path | None, *, safe: bool = False, overrides: Mapping[str, str] | None = None, app: App | None = None
) -> Validated:
    """Builds everything and looks at everything, and begins nothing.

    :param overrides: keys of ``[service]`` that the command line sets.
    :param app: stands in for the application of ``directory`` in tests.

    Raises one ``ConfigurationError`` (exit 3; ``PluginError`` when a required plugin is broken) with all that is wrong
    and required: what policy calls optional is a warning of the running service.
    """
    built = app or App(boot(directory, safe=safe))
    try:
        built.guard_logging()
        return _validated(built, overrides or {})
    except BaseException:
        built.close()
        raise


def _validated(app: App, overrides: Mapping[str, str]) -> Validated:
    deployment, found = app.boot.deployment, list[Problem]()
    policy = _policy(deployment, overrides, found)
    listener = _listener(policy, deployment, found) if policy is not None else None
    try:
        found += _of_state(app.boot.state_dir)
        found += _of_application(app)
        if found or policy is None or listener is None:
            problems = list(dict.fromkeys(found))
            broken = any(problem.code.startswith("BW13") for problem in problems)
            raise (PluginError if broken else ConfigurationError).of(problems)
    except BaseException:
        if listener is not None:
            listener.close()
        raise
    return Validated(app, policy, listener)


def _policy(deployment: Deployment, overrides: Mapping[str, str], found: list[Problem]) -> ServicePolicy | None:
    where = partial(deployment.where, "service")
    try:
        return ServicePolicy.from_table(deployment.table("service"), where, overrides)
    except ConfigurationError as error:
        found += error.problems
        return None


def _of_state(state_dir: Path) -> Iterator[Problem]:
    try:
        prepare_state_dir(state_dir)
    except BuswayError as error:
        yield from error.problems


def _of_application(app: App) -> Iterator[Problem]:
    """What is wrong with required plugins, settings and tables; of each problem one, however it shows."""
    try:
        app.require_plugins(app.config_problems())
        # Only now, and only where the rest is whole: jobs are needed to judge their schedules.
        yield from operation_problems(app.boot.deployment, lambda: [job.name for job in app.sync.jobs()])
    except ConfigurationError as error:
        yield from error.problems


def _listener(policy: ServicePolicy, deployment: Deployment, found: list[Problem]) -> socket.socket | None:
    try:
        return _bound(policy)
    except OSError as error:
        why = "another process listens there" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        fix = "see who does: ss -ltnp; or listen elsewhere: busway serve --listen 127.0.0.1:8766"
        where = deployment.where("service", "listen")
        found.append(Problem("BW8107", f"the service cannot listen on {policy.address}", where, why, fix))
        return None


def _bound(policy: ServicePolicy) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        policy.host, policy.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
