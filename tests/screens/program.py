# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program with Qt that says where it is clicked and what is typed."""

from PyQt5 import QtCore, QtWidgets


class Listener(QtCore.QObject):
    """Hears of every click, whatever lies there."""

    def eventFilter(self, widget, event):
        # A window gets the click first, then what lies in it.
        if event.type() == QtCore.QEvent.MouseButtonPress and widget.isWindowType():
            place = event.globalPos() * window.devicePixelRatioF()
            print(f"root:({place.x()},{place.y()})", flush=True)
        return False


def typed():
    print(f"typed {entry.text()}.", flush=True)
    entry.clear()


app = QtWidgets.QApplication([])
listener = Listener()
app.installEventFilter(listener)
window = QtWidgets.QWidget(windowTitle="With Qt")
window.resize(400, 300)
entry = QtWidgets.QLineEdit(placeholderText="What is typed")
entry.returnPressed.connect(typed)
QtWidgets.QVBoxLayout(window).addWidget(entry)
window.show()
entry.setFocus()
# How high a line of text is, in pixels of the screen.
print(f"text:{entry.fontMetrics().height() * window.devicePixelRatioF():.0f}", flush=True)
app.exec()
