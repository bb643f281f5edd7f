// no_pointers: An object that must be deleted.
class Box { public: Box() { Print("x"); } };
void OnTick() { delete new Box(); }
