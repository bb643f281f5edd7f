// no_pointers: A pointer.
class Box { public: Box() { Print("x"); } };
Box *g_box;
void OnTick() { Print("x"); }
