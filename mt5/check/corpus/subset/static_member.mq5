// no_static_members: A static member, which needs a definition of its own.
class Box { public: static int s_count; };
int Box::s_count = 0;
void OnTick() { Print("x"); }
