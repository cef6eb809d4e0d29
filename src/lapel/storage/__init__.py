"""Where do rows, bytes and jobs live? The only users of the database pool, the object store and the queue."""
