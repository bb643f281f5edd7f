// 267: A structure derived from a class.
class Box { public: Box() { Print("x"); } };
struct Leg : public Box { int side; };
void OnTick() { Print("x"); }
