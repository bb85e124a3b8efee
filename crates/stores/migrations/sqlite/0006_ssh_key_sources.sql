-- Where an SSH key may be used from; each network with a blank behind it, none for anywhere.
ALTER TABLE ssh_keys ADD COLUMN sources TEXT NOT NULL DEFAULT '';
