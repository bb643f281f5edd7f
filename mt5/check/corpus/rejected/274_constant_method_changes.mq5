// 274: A constant method changes its object.
class Box { private: int m_size; public: Box() { m_size = 1; } int Grow() const { m_size = 2; return m_size; } };
Box g_box;
void OnTick() { Print(g_box.Grow()); }
