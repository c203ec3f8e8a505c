import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse

settings.configure(DEBUG=False, ALLOWED_HOSTS=['*'], ROOT_URLCONF=__name__, SECRET_KEY='a test', USE_TZ=True)
django.setup()


def plain(text):
    return HttpResponse(text, content_type='text/plain; charset=utf-8')


def hello(request, name):
    return plain('Hello ' + name)


def url(request):
    return plain(reverse('hello', args=['Ada']))


def form(request):
    return plain('%s from %s' % (request.POST['name'], request.POST['city']))


def upload(request):
    file = request.FILES['file']
    return plain('%s %d' % (file.name, len(file.read())))


def stream(request):
    return StreamingHttpResponse(('piece %d\n' % number for number in range(3)), content_type='text/plain')


def file(request):
    return FileResponse(open(__file__, 'rb'), content_type='text/plain')


def cookies(request):
    answer = plain('set')
    answer.set_cookie('a', '1')
    answer.set_cookie('b', '2')
    return answer


def away(request):
    return HttpResponseRedirect(reverse('hello', args=['Ada']))


def fails(request):
    raise RuntimeError('a view that fails')


urlpatterns = [path(view.__name__, view) for view in (url, form, upload, stream, file, cookies, away, fails)]
urlpatterns.append(path('hello/<name>', hello, name='hello'))
application = get_wsgi_application()
