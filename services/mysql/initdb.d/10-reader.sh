# Sourced by the image's entrypoint when it creates the database: creates the user that may only read.
docker_process_sql <<SQL
CREATE USER 'reader'@'%' IDENTIFIED BY '$(cat /run/passwords/reader/password)';
GRANT SELECT ON pinterest_data.* TO 'reader'@'%';
SQL
