import sqlalchemy
from sqlalchemy import text

HOST = "pinterest-data.c0ffee123456.us-east-1.rds.amazonaws.com"
USER = "project_user"
PASSWORD = "project_password"
DATABASE = "pinterest_data"
PORT = 3306

engine = sqlalchemy.create_engine(f"mysql+pymysql://{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}?charset=utf8mb4")

with engine.connect() as connection:
    pin_rows = connection.execute(text("SELECT * FROM pinterest_data"))
    geo_rows = connection.execute(text("SELECT * FROM geolocation_data"))
    user_rows = connection.execute(text("SELECT * FROM user_data"))
    if pin_rows.rowcount == geo_rows.rowcount == user_rows.rowcount:
        print("all tables have", pin_rows.rowcount, "rows")
    else:
        print("rows differ:", pin_rows.rowcount, geo_rows.rowcount, user_rows.rowcount)

    # which row is the last one
    last = geo_rows.rowcount - 1
    for row in connection.execute(text(f"SELECT * FROM geolocation_data LIMIT {last}, 1")):
        geo_result = dict(row._mapping)
        print(geo_result["timestamp"].isoformat(), geo_result["timestamp"].year)

    # users that joined in each year
    joined = connection.execute(text("SELECT YEAR(date_joined) AS year, COUNT(*) AS n FROM user_data GROUP BY YEAR(date_joined) ORDER BY year"))
    for row in joined:
        print(row.year, row.n)
