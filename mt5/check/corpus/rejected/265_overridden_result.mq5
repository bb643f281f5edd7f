// 265: An overriding method with another return type.
class Box { public: virtual int Size() { return 1; } };
class Crate : public Box { public: virtual double Size() { return 1.0; } };
Crate g_crate;
void OnTick() { Print(g_crate.Size()); }
