// Classes, derived ones, constant methods, structures with methods, overloads.
class Box
  {
private:
   int               m_size;
   static int        Scale(const int size) { return size * 2; }
protected:
   string            m_name;
public:
                     Box() { m_size = 0; m_name = ""; }
                    ~Box() { Print("gone"); }
   int               Size() const { return m_size; }
   virtual void      Grow(const int by = 1) { m_size += Scale(by); }
   void              Show(const string text) { Print(m_name, text); }
   void              Show(const int number) { Print(m_name, number); }
   void              Copy(const Box &other) { m_size = other.m_size; }
  };
class Crate : public Box
  {
public:
                     Crate() { m_name = "crate"; }
   virtual void      Grow(const int by = 2) { Print(by, Size()); }
  };
void Measure(const Box &box)
  {
   Print(box.Size());
  }
Box g_box;
Crate g_crate;
int OnInit()
  {
   g_box.Grow();
   g_box.Grow(3);
   g_box.Show("text");
   g_box.Show(5);
   g_box.Copy(g_crate);
   Measure(g_crate);
   return INIT_SUCCEEDED;
  }
void OnDeinit(const int reason)
  {
   Print(reason);
  }
void OnTick()
  {
   Later(1);
  }
// Functions may stand behind their use.
void Later(const int a)
  {
   Print(a);
  }
