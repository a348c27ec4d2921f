# Sourced by the image's entrypoint when the database is made: the user who may only read.
docker_process_sql <<SQL
CREATE USER 'reader'@'%' IDENTIFIED BY '$(cat /run/passwords/reader/password)';
GRANT SELECT ON pinterest_data.* TO 'reader'@'%';
SQL
