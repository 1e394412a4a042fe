"""Files that leave the studio: profiles of codecs, colour tags, and what travels beside a film."""
