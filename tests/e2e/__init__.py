"""Stories in a real browser against `manage.py serve`, each as a person lives it."""
