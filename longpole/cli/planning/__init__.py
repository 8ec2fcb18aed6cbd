"""What `longpole plan` reads, shows while it searches, and prints."""
