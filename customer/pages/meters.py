from flask import Blueprint

pages = Blueprint("meters", __name__)
