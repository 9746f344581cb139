"""The tools that come with the site, one module each."""

from tools_app.tools.ask_user import AskUser
from tools_app.tools.edit_file import EditFile
from tools_app.tools.list_files import ListFiles
from tools_app.tools.python import Python
from tools_app.tools.read_file import ReadFile
from tools_app.tools.shell import Shell
from tools_app.tools.write_file import WriteFile
from tools_app.types import Tool

TOOLS: tuple[Tool, ...] = (Shell(), Python(), ReadFile(), WriteFile(), EditFile(), ListFiles(), AskUser())
