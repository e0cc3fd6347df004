"""Traces by OpenTelemetry, if they are turned on."""

from fastapi import FastAPI

from models.errors import InvalidConfig


def install(app: FastAPI) -> None:
    """Send a trace of every request to OTEL_EXPORTER_OTLP_ENDPOINT; raise `InvalidConfig` where a package is missing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        remedy = "pip install heartline[otel]"
        raise InvalidConfig("tracing is on and a package is missing", value=error.name, remedy=remedy) from None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
