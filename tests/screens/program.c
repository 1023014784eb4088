/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A program with GTK 4 that says where it is clicked and what is typed. */

#include <gtk/gtk.h>

static void clicked(GtkGestureClick *gesture, int count, double x, double y)
{
    int scale = gtk_widget_get_scale_factor(gtk_event_controller_get_widget(GTK_EVENT_CONTROLLER(gesture)));

    printf("root:(%d,%d)\n", (int)(x * scale), (int)(y * scale));
    fflush(stdout);
}

/* How high a line of text is, in pixels of the screen. */
static void shown(GtkWidget *window, GtkWidget *entry)
{
    PangoLayout *text = gtk_widget_create_pango_layout(entry, "Text");
    int height;

    pango_layout_get_pixel_size(text, NULL, &height);
    printf("text:%d\n", height * gtk_widget_get_scale_factor(window));
    fflush(stdout);
    g_object_unref(text);
}

static void typed(GtkEntry *entry)
{
    printf("typed %s.\n", gtk_editable_get_text(GTK_EDITABLE(entry)));
    fflush(stdout);
    gtk_editable_set_text(GTK_EDITABLE(entry), "");
}

static void begin(GtkApplication *app)
{
    GtkWidget *window = gtk_application_window_new(app), *entry = gtk_entry_new();
    GtkGesture *click = gtk_gesture_click_new();

    gtk_window_set_title(GTK_WINDOW(window), "With GTK");
    gtk_window_set_decorated(GTK_WINDOW(window), FALSE);
    gtk_window_set_child(GTK_WINDOW(window), entry);
    gtk_widget_set_halign(entry, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(entry, GTK_ALIGN_CENTER);
    g_signal_connect(entry, "activate", G_CALLBACK(typed), NULL);
    gtk_event_controller_set_propagation_phase(GTK_EVENT_CONTROLLER(click), GTK_PHASE_CAPTURE);
    g_signal_connect(window, "map", G_CALLBACK(shown), entry);
    g_signal_connect(click, "pressed", G_CALLBACK(clicked), NULL);
    gtk_widget_add_controller(window, GTK_EVENT_CONTROLLER(click));
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), "What is typed");
    gtk_widget_grab_focus(entry);
    gtk_window_present(GTK_WINDOW(window));
}

int main(void)
{
    GtkApplication *app = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);

    g_signal_connect(app, "activate", G_CALLBACK(begin), NULL);
    return g_application_run(G_APPLICATION(app), 0, NULL);
}
