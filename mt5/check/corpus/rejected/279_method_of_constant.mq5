// 279: A method that may change a constant object.
class Box { private: int m_size; public: Box() { m_size = 1; } int Size() { return m_size; } };
void Show(const Box &box) { Print(box.Size()); }
Box g_box;
void OnTick() { Show(g_box); }
