-- An offer of an SSH key is kept apart from a login that it opened.
UPDATE last_used SET kind = 'ssh-offer' WHERE kind = 'access-key' AND operation = 'offered';
