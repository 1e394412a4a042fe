"""Backdrops as pixels: layers seen by a camera, kept where the same view comes again.

Every backdrop is drawn by the same strokes whether it is kept or not, so a picture never depends on what was
drawn before it.
"""

from collections import OrderedDict

import skia

from aiprod_core.camera import View
from aiprod_trainer.worlds.backgrounds import Layer, layers_of
from aiprod_trainer.worlds.camera import MIDDLE_Y, follows_hero
from aiprod_trainer.worlds.scene import Scene

KEPT_BYTES = 448 * 2**20  # all that level 1 shows at 128 pixels, under cameras that come again
BYTES_PER_PIXEL = 4


class Shelf:
    """Opaque pictures by key, up to a number of bytes; the one longest unused goes first."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._held_bytes = 0
        self._pictures: OrderedDict[tuple[object, ...], skia.Image] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> skia.Image | None:
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def put(self, key: tuple[object, ...], picture: skia.Image) -> None:
        self._pictures[key] = picture
        self._held_bytes += _size_bytes(picture)
        while self._held_bytes > self._size_bytes and len(self._pictures) > 1:
            _, oldest = self._pictures.popitem(last=False)
            self._held_bytes -= _size_bytes(oldest)


_SHELF = Shelf(KEPT_BYTES)


def draw_backdrop(canvas: skia.Canvas, scene: Scene, view: View, width_px: int, height_px: int) -> None:
    """The scenery of `scene` over the whole canvas, whose unit is a pixel."""
    place = (scene.setting, scene.time, scene.weather, scene.jitter)
    comes_again = scene.camera == "static" or (scene.jitter == 0 and not follows_hero(scene))
    if not comes_again:
        _draw_layers(canvas, place, view, width_px, height_px)
        return
    key = (*place, view, width_px, height_px)
    picture = _SHELF.get(key)
    if picture is None:
        surface = _opaque_surface(width_px, height_px)
        _draw_layers(surface.getCanvas(), place, view, width_px, height_px)
        picture = surface.makeImageSnapshot()
        _SHELF.put(key, picture)
    canvas.drawImage(picture, 0, 0)


def look(canvas: skia.Canvas, view: View, width_px: int, height_px: int, parallax: float = 1.0) -> None:
    """Make frame heights the unit of `canvas`, as seen by the camera. Only sideways motion has parallax."""
    scale = height_px * view.zoom
    canvas.translate(width_px / 2, height_px / 2)
    canvas.scale(scale, scale)
    canvas.translate(-parallax * view.x, -(MIDDLE_Y + view.y))


def _draw_layers(
    canvas: skia.Canvas, place: tuple[str, str, str, int], view: View, width_px: int, height_px: int
) -> None:
    sky, *land = layers_of(*place)
    canvas.drawImage(_sky(sky, place, view, width_px, height_px), 0, 0)
    for layer in land:
        canvas.save()
        look(canvas, view, width_px, height_px, layer.parallax)
        canvas.drawPicture(layer.picture)
        canvas.restore()


def _sky(sky: Layer, place: tuple[str, str, str, int], view: View, width_px: int, height_px: int) -> skia.Image:
    """The sky stands still sideways: one picture serves a whole pan."""
    key = ("sky", *place, view.y, view.zoom, width_px, height_px)
    picture = _SHELF.get(key)
    if picture is None:
        surface = _opaque_surface(width_px, height_px)
        canvas = surface.getCanvas()
        look(canvas, view, width_px, height_px, sky.parallax)
        canvas.drawPicture(sky.picture)
        picture = surface.makeImageSnapshot()
        _SHELF.put(key, picture)
    return picture


def _opaque_surface(width_px: int, height_px: int) -> skia.Surface:
    info = skia.ImageInfo.Make(width_px, height_px, skia.kRGBA_8888_ColorType, skia.kOpaque_AlphaType)
    return skia.Surface.MakeRaster(info)


def _size_bytes(picture: skia.Image) -> int:
    return int(picture.width() * picture.height() * BYTES_PER_PIXEL)
