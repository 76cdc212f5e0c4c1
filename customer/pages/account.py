from flask import Blueprint

pages = Blueprint("account", __name__)
