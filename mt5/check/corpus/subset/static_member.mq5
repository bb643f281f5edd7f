// no_static_members: A static member, which needs its own definition.
class Box { public: static int s_count; };
int Box::s_count = 0;
void OnTick() { Print("x"); }
