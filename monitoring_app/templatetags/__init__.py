"""What the admin's start page shows."""
