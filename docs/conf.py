"""The site: `sphinx-build -W -b html docs site`. Extensions of our own are in `_ext`."""

import shutil
import sys
from pathlib import Path

import trdstats

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# The notebooks are shown with the output they were saved with; a test runs them.
(HERE / "notebooks").mkdir(exist_ok=True)
for book in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
    shutil.copy(book, HERE / "notebooks" / book.name)
# Functions that share their name with a module win, as they do for users.
for name in trdstats.__all__:
    getattr(trdstats, name)

project = "trdstats"
author = "The trdstats developers"
version = release = trdstats.__version__
copyright = author  # noqa: A001 - the name Sphinx reads. No year, so that builds are the same

extensions = [
    "sphinx.ext.autodoc", "numpydoc", "myst_nb", "sphinx_copybutton",
    "anchors", "executed", "mathml", "public_names", "parity", "palette", "signatures",
]  # fmt: skip
exclude_patterns = ["_generated", "examples", "ci/*.yml", "**.ipynb_checkpoints"]
templates_path = ["_templates"]

smartquotes = False  # quotes in text are those of code
nb_execution_mode = "off"
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "anchors.slug"
myst_links_external_new_tab = False
html_math_renderer = "mathml"

autodoc_typehints = "none"  # the tables of parameters say the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_validation_checks = set()

html_theme = "pydata_sphinx_theme"
html_title = "trdstats"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_domain_indices = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "gallery": []}
html_show_sourcelink = False
copybutton_exclude = ".linenos, .output"
