"""The application that LINTED names, behind a second opinion on PEP 3333."""
import importlib
import os
from webtest.lint import middleware

site = importlib.import_module(os.environ['LINTED'])
application = middleware(getattr(site, 'application', None) or site.app)
