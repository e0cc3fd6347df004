"""Traces by OpenTelemetry, where they are turned on and its packages are installed."""

from fastapi import FastAPI

from models.errors import InvalidConfig


def install(app: FastAPI) -> None:
    """Trace every request to where OTEL_EXPORTER_OTLP_ENDPOINT says; raise `InvalidConfig` where a part is missing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        remedy = "pip install heartline[otel]"
        raise InvalidConfig("tracing is on and a part of it is missing", value=error.name, remedy=remedy) from None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
