// no_resource: A resource.
#resource "\\Images\\a.bmp"
void OnTick() { Print("x"); }
