from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from allauth.mfa.totp.views import activate_totp
from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from annotation.views.joining import InvitedSignup

# One way in, so that limits on guessing and second factors hold for the admin too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Of allauth, what needs no mail: accounts come of an admin or an invitation, a forgotten password is an admin's work.
accounts = [
    path("login/", account.login, name="account_login"),
    path("signup/", InvitedSignup.as_view(), name="account_signup"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    # The QR code is an image written into the page.
    path("2fa/totp/activate/", csp_update({"img-src": ["data:"]})(activate_totp), name="mfa_activate_totp"),
    path("2fa/", include("allauth.mfa.urls")),
]

urlpatterns = [
    path("", include("annotation.urls")),
    path("api/v1/", include("annotation.api.urls")),
    path("flywheel/", include("flywheel.urls_loop")),
    path("training/", include("training.urls")),
    path("accounts/", include(accounts)),
    path("language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]
