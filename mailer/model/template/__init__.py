"""$(VAR) templates: compiled once a job, checked then, rendered within bounds for each recipient."""

from mailer.model.template.bounds import RenderLimits
from mailer.model.template.mail import CompiledTemplate, Rendered, TextSource, compile_template
from mailer.model.template.names import fold

__all__ = ["CompiledTemplate", "RenderLimits", "Rendered", "TextSource", "compile_template", "fold"]
